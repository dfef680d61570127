// The EHR's side of CDS Hooks: requests as an EHR sends them, answers as it gets them, with the time they took.

const EXPLAIN = "org.b12-cds.explain";
export const ASSESSMENT = "org.b12-cds.assessment";
export const TRACE = "org.b12-cds.trace";

// {method, address, sent, status, text, body, milliseconds}; body is null where the answer is no JSON.
export async function exchange(method, address, sent) {
  const began = performance.now();
  const call = {method, address, sent, status: 0, text: "", body: null};
  try {
    const headers = {Accept: "application/json", ...(sent && {"Content-Type": "application/json"})};
    const answer = await fetch(address, {method, headers, body: sent && JSON.stringify(sent)});
    call.status = answer.status;
    call.text = await answer.text();
    call.body = JSON.parse(call.text);
  } catch (problem) {
    if (call.status === 0) call.text = `The service does not answer (${problem.message}).`;
  }
  call.milliseconds = performance.now() - began;
  return call;
}

export async function services() {
  const call = await exchange("GET", "cds-services");
  const offered = call.body?.services ?? [];
  return new Map(offered.map((service) => [service.hook, service]));
}

export function hookRequest(hook, chart, serviceId, withheld, drafts, selections) {
  const context = {userId: "Practitioner/playground", patientId: chart.patientId};
  if (hook !== "patient-view") {
    const entry = drafts.map((resource) => ({resource}));
    context.draftOrders = {resourceType: "Bundle", type: "collection", entry};
  }
  if (hook === "order-select") context.selections = selections;
  const prefetch = {...chart.prefetch[serviceId]};
  for (const key of [withheld, ...Object.keys(chart.missing)]) delete prefetch[key];
  const server = chart.server && {fhirServer: chart.server};
  return {hook, hookInstance: uuid(), ...server, context, extension: {[EXPLAIN]: true}, prefetch};
}

export function feedback(card, outcome, more) {
  return {feedback: [{card: card.uuid, outcome, ...more, outcomeTimestamp: new Date().toISOString()}]};
}

export function draftOrder(id, patientId, drug, dose, timing) {
  const amount = dose > 0 ? {doseAndRate: [{doseQuantity: {value: dose, ...drug.unit}}]} : {};
  const text = `${dose > 0 ? `${dose} ${drug.unit.unit} ` : ""}${timing.text}`;
  return {
    resourceType: "MedicationRequest",
    id,
    status: "draft",
    intent: "order",
    subject: {reference: `Patient/${patientId}`},
    medicationCodeableConcept: drug.concept,
    dosageInstruction: [{text, timing: {repeat: timing.repeat}, route: drug.route, ...amount}],
  };
}

// A suggestion's actions, on the drafts: the new drafts, and the references of those that it wrote.
export function applied(drafts, suggestion) {
  const after = new Map(drafts.map((draft) => [reference(draft), draft]));
  const written = [];
  for (const action of suggestion.actions ?? []) {
    if (action.type === "delete") {
      after.delete(action.resourceId);
      continue;
    }
    const resource = {...action.resource, id: action.resource.id ?? uuid()};
    if (action.type === "create") resource.status = "draft";
    after.set(reference(resource), resource);
    written.push(reference(resource));
  }
  return {drafts: [...after.values()], written};
}

export function reference(resource) {
  return `${resource.resourceType}/${resource.id}`;
}

export function orderText(draft) {
  const concept = draft.medicationCodeableConcept ?? draft.code ?? {};
  const named = concept.text ?? concept.coding?.[0]?.display ?? draft.medicationReference?.display ?? "Not named";
  const lines = (draft.dosageInstruction ?? []).map((line) => line.text).filter(Boolean);
  return [named, ...lines].join(", ");
}

// crypto.randomUUID is there on https and localhost only.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
