"""New examples written by another model from a few gold ones, through any OpenAI-compatible endpoint.

Nothing is accepted unchecked: the reply's form, duplicates of the gold and of each other, and the rules. Every accepted row
says that it is synthetic and which model wrote it. What is in a row need not be true: a person has to read it.
"""
