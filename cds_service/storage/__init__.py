"""What is kept: which cards were shown, and what clinicians answered. Never a patient, never a token."""
