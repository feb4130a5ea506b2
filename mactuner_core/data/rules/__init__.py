"""Rules a dataset must keep (`rules.yaml`): each row passes or fails each rule, with the reason. Changes no row."""
