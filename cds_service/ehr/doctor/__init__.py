"""What of an EHR's data we can use and what not, for the team that connects it: counts and examples, never a name."""
