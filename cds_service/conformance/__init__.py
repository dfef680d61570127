"""Does a CDS service speak CDS Hooks? Our reading of the requirements, and checks of any service over HTTP."""
