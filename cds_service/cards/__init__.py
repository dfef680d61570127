"""Cards: what the assessment found, in the words of the knowledge files and the shape of CDS Hooks 2.0.1."""
