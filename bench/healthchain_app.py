"""HealthChain as its documentation sets it up, with a handler that does nothing (run with HealthChain's own Python)."""

from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import CDSRequest, CDSResponse

service = CDSHooksService()


@service.hook("patient-view", id="b12-patient-view", title="Nothing")
def patient_view(request: CDSRequest) -> CDSResponse:
    """No cards."""
    del request
    return CDSResponse(cards=[])


app = HealthChainAPI()
app.register_service(service)
