"""The commands that play the EHR or look at one: load, fire, doctor, client-key. Thin, over `cds_service.ehr`."""
