"""Pictures made of facts: pure from PatientFacts, assessment and knowledge to a figure, and from a figure to SVG."""
