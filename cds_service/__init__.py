"""A CDS Hooks service for vitamin B12: facts from FHIR R4, an assessment, cards that explain themselves."""
