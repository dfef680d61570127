"""The pure core: from PatientFacts to an Assessment. No clock, no files, no FHIR."""
