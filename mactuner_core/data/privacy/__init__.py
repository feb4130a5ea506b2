"""Personal data: finding it in Korean text, masking it by tag or consistent pseudonym, and proving that none is left."""
