"""The patient in our own words: typed, frozen, canonical units. Pure: reads no FHIR, no files and no clock."""
