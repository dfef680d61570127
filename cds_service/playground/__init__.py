"""What the playground plays: the stories as an EHR's patients, and those of the FHIR servers that are listed."""

from cds_service.playground.servers import FhirServers
from cds_service.playground.stories import StoryEhr

__all__ = ["FhirServers", "StoryEhr"]
