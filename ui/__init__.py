"""What the pages share: set-up, navigation, language, forms from settings, charts, job cards, errors."""
