"""Galaxy Zoo votes: decision trees, tables, and the rules from votes to labels."""
