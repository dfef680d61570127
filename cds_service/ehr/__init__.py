"""Playing the EHR: what an integration team needs before it has an EHR that fires hooks."""
