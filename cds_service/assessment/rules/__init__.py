"""The conditions of the rules: short pure functions. Their numbers, words and examples stand in the knowledge files."""
