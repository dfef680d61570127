"""How fast the service is, beside a floor that does nothing but parse."""
