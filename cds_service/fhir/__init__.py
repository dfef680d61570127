"""The FHIR edge: R4 resources in, PatientFacts out; and the draft resources that suggestions propose."""
