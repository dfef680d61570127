"""Who may call: registered CDS clients, and the tokens that show a call to be theirs (CDS Hooks 2.0.1, "Security")."""
