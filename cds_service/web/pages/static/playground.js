// The page: what is picked and written on the left fires hooks, and what the service answers is drawn on the right.

import {byId, element, show} from "./draw.js";
import {applied, draftOrder, exchange, feedback, hookRequest, orderText, reference, services, uuid} from "./ehr.js";
import {answerView, callView} from "./cards.js";

const TYPING_PAUSE = 300;
const PLACES = {"patient-view": "on-chart", "order-select": "on-order", "order-sign": "on-order"};
const state = {setup: null, services: new Map(), chart: null, drafts: [], writing: null, fired: 0, timer: 0};

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

function outcomeText(call) {
  const issues = call.body?.issue ?? [];
  return issues.map((issue) => issue.details?.text ?? issue.diagnostics).join(" ") || call.text.slice(0, 300);
}

// --- hooks ---------------------------------------------------------------------------------------------------------

async function fire(hook, selections = []) {
  const service = state.services.get(hook);
  if (!service) return trouble(`This service answers no ${hook}.`);
  const turn = ++state.fired;
  const request = hookRequest(hook, state.chart, service.id, byId("withheld").value, state.drafts, selections);
  const call = await exchange("POST", `cds-services/${service.id}`, request);
  const cards = call.status === 200 ? call.body?.cards ?? [] : [];
  const texts = cards.map((card) => card.detail ?? "");
  const drawn = texts.length ? await exchange("POST", "playground/markdown", {texts}) : null;
  // An answer to what has been changed since is no longer anybody's advice.
  if (turn !== state.fired) return null;
  const acts = {apply: (card, suggestion) => apply(service, card, suggestion), override: (card, reason) =>
    send(service, feedback(card, "overridden", {overrideReason: reason}))};
  show(byId(PLACES[hook]), answerView(hook, call, outcomeText(call), drawn?.body?.drawn ?? [], state.setup.rules, acts));
  const told = call.status === 200 ? cards.length === 0 ? "no cards" : `${cards.length} card${cards.length > 1 ? "s" : ""}`
    : `error ${call.status}`;
  byId("said").textContent = `${hook}: ${told}.`;
  return call;
}

async function send(service, body) {
  const call = await exchange("POST", `cds-services/${service.id}/feedback`, body);
  const [item] = body.feedback;
  const told = call.status === 200 ? `Feedback sent: ${item.outcome}` : `Feedback not taken: ${outcomeText(call)}`;
  show(byId("on-feedback"), callView(told, call));
  return call.status === 200;
}

async function apply(service, card, suggestion) {
  const after = applied(state.drafts, suggestion);
  state.drafts = after.drafts;
  if (!state.drafts.some((draft) => draft.id === state.writing)) state.writing = null;
  drawBasket();
  await send(service, feedback(card, "accepted", {acceptedSuggestions: [{id: suggestion.uuid}]}));
  await select(after.written);
}

async function select(selections) {
  byId("signed").textContent = "";
  byId("sign-anyway").hidden = true;
  if (state.drafts.length === 0) return show(byId("on-order"));
  const chosen = selections.length ? selections : state.drafts.map(reference);
  return fire("order-select", chosen);
}

// --- the chart -----------------------------------------------------------------------------------------------------

// `from` is the FHIR server that the chart is of, and the prefetch keys that it did not give.
async function openChart(bundle, patientId = "", from = {server: "", missing: {}}) {
  trouble("");
  const call = await exchange("POST", "playground/chart", {bundle, patientId});
  if (call.status !== 200 || !call.body) return trouble(outcomeText(call));
  state.chart = {...call.body, ...from};
  byId("drawn-bundle").value = JSON.stringify(bundle);
  byId("drawn-patient").value = call.body.patientId;
  byId("drawn-missing").value = Object.keys(from.missing).join(" ");
  byId("draw").hidden = false;
  state.drafts = [];
  state.writing = null;
  for (const place of ["on-order", "on-chart", "on-feedback"]) show(byId(place));
  drawChart();
  drawBasket();
  byId("signed").textContent = "";
  byId("order").reset();
  byId("unit").textContent = "";
  return fire("patient-view");
}

async function openStory() {
  const call = await exchange("GET", `playground/stories/${encodeURIComponent(byId("story").value)}`);
  if (call.status !== 200) return trouble(outcomeText(call));
  return openChart(call.body);
}

function openText(text) {
  let bundle;
  try {
    bundle = JSON.parse(text);
  } catch (problem) {
    return trouble(`This is not JSON (${problem.message}). A FHIR Bundle is needed.`);
  }
  return openChart(bundle, byId("patient-id").value.trim());
}

async function openFile(file) {
  if (file) await openText(await file.text());
}

// --- a FHIR server, which the service asks for this page -------------------------------------------------------------

function serverAddress() {
  const parts = byId("base").value.trim().split("/").filter((part) => part);
  return byId("origin").value + parts.map((part) => `/${part}`).join("");
}

async function findPatients() {
  trouble("");
  const server = serverAddress();
  byId("found-told").textContent = `Asking ${server} …`;
  show(byId("found"));
  const call = await exchange("POST", "playground/fhir/patients", {server, search: byId("search").value});
  byId("found-told").textContent = "";
  if (call.status !== 200 || !call.body) return trouble(outcomeText(call));
  const {patients} = call.body;
  byId("found-told").textContent = patients.length === 0 ? "No patient is found." : `${patients.length} found. Choose one:`;
  show(byId("found"), ...patients.map((each) => element("li", {}, element("button", {type: "button",
    onclick: () => openFetched(server, each.id)}, element("strong", {}, each.name),
    element("span", {}, `${each.gender} · born ${each.birthDate} · id ${each.id}`)))));
}

async function openFetched(server, patientId) {
  trouble("");
  byId("found-told").textContent = "Reading the chart …";
  const call = await exchange("POST", "playground/fhir/chart", {server, patientId});
  byId("found-told").textContent = "";
  if (call.status !== 200 || !call.body) return trouble(outcomeText(call));
  const {bundle, missing} = call.body;
  const opened = await openChart(bundle, patientId, {server, missing});
  const told = Object.entries(missing).map(([key, why]) => `${key} (${why})`);
  if (told.length) trouble(`Not all of the chart could be read, and what is missing is not sent as “none”: ${told.join("; ")}.`);
  return opened;
}

function drawChart() {
  const {patient, patientId, sections, drafts} = state.chart;
  const told = `${patient.gender} · born ${patient.birthDate} · id ${patientId}`;
  show(byId("banner"), element("strong", {}, patient.name), element("span", {}, told));
  byId("banner").hidden = false;
  show(byId("chart"), ...sections.map(sectionView));
  byId("no-chart").hidden = true;
  byId("writing").hidden = false;
  const keys = new Set(Object.values(state.chart.prefetch).flatMap(Object.keys));
  show(byId("withheld"), element("option", {value: ""}, "nothing"), ...[...keys].map((key) => element("option", {value: key}, key)));
  show(byId("from-story"), drafts.length > 0 && element("button", {type: "button", onclick: takeDrafts},
    `Take the chart’s draft: ${drafts.map(orderText).join("; ").slice(0, 200)}`));
}

function sectionView(section) {
  const rows = section.rows.map((row) => element("li", {}, element("span", {className: "what"}, row.what),
    element("span", {className: "told"}, row.told), element("time", {}, row.when)));
  const list = rows.length ? element("ul", {className: "facts"}, ...rows) : element("p", {className: "hint"}, "None recorded");
  const more = section.leftOut ? element("p", {className: "hint"}, `and ${section.leftOut} more, sent to the service too`) : "";
  return element("section", {}, element("h3", {}, section.title), list, more);
}

// --- orders --------------------------------------------------------------------------------------------------------

function takeDrafts() {
  state.drafts = state.chart.drafts.slice();
  state.writing = null;
  drawBasket();
  return select([]);
}

function write() {
  const drug = state.setup.drugs[byId("drug").value];
  if (!drug) return;
  state.writing ??= uuid();
  const dose = byId("dose").valueAsNumber;
  const draft = draftOrder(state.writing, state.chart.patientId, drug, dose, state.setup.timings[byId("timing").value]);
  const place = state.drafts.findIndex((each) => each.id === state.writing);
  if (place < 0) state.drafts.push(draft);
  else state.drafts[place] = draft;
  drawBasket();
  clearTimeout(state.timer);
  state.timer = setTimeout(() => select([reference(draft)]), TYPING_PAUSE);
}

function pickDrug() {
  const drug = state.setup.drugs[byId("drug").value];
  if (!drug) return;
  byId("unit").textContent = `(${drug.unit.unit})`;
  byId("dose").value = drug.dose;
  byId("timing").value = state.setup.timings.findIndex((timing) => timing.text === drug.often);
  write();
}

function writeAnother() {
  state.writing = null;
  byId("order").reset();
  byId("unit").textContent = "";
  byId("another").disabled = true;
  byId("drug").focus();
}

function drawBasket() {
  const rows = state.drafts.map((draft) => element("li", {className: draft.id === state.writing ? "writing" : ""},
    element("span", {}, orderText(draft)), element("button", {type: "button", className: "quiet",
      ariaLabel: `Remove ${orderText(draft)}`, onclick: () => remove(draft)}, "Remove")));
  show(byId("basket"), ...(rows.length ? rows : [element("li", {className: "hint"}, "No drafts")]));
  byId("sign").disabled = state.drafts.length === 0;
  byId("another").disabled = state.writing === null;
}

function remove(draft) {
  state.drafts = state.drafts.filter((each) => each !== draft);
  if (draft.id === state.writing) writeAnother();
  drawBasket();
  byId("drug").focus();
  return select([]);
}

async function sign() {
  clearTimeout(state.timer);
  const call = await fire("order-sign");
  if (!call) return;
  if (call.status === 200 && call.body.cards.length === 0) finish("Signed. The service had nothing to say.");
  else byId("sign-anyway").hidden = false;
}

function finish(text) {
  state.drafts = [];
  writeAnother();
  drawBasket();
  byId("sign-anyway").hidden = true;
  byId("signed").textContent = text;
}

// --- start ---------------------------------------------------------------------------------------------------------

function fillForms() {
  const {stories, drugs, timings} = state.setup;
  show(byId("story"), ...stories.map((story) => element("option", {value: story.name}, story.title)));
  const options = drugs.map((drug, index) => element("option", {value: index}, drug.concept.text));
  show(byId("drug"), element("option", {value: ""}, "Choose a drug"), ...options);
  show(byId("timing"), ...timings.map((timing, index) => element("option", {value: index}, timing.text)));
  tellStory();
  const {servers, hasOperations} = state.setup;
  byId("operations").hidden = !hasOperations;
  byId("no-servers").hidden = servers.length > 0;
  byId("find").hidden = servers.length === 0;
  show(byId("origin"), ...servers.map((server) => element("option", {value: server}, server)));
  if (stories.length) return;
  byId("shows").textContent = "The stories are part of the source checkout and not installed here: bring a Bundle.";
  byId("open").disabled = true;
  byId("own").open = true;
}

function tellStory() {
  const story = state.setup.stories.find((each) => each.name === byId("story").value);
  if (story) byId("shows").textContent = `${story.shows} Cards on ${story.hooks.join(", ")}.`;
}

function on(id, event, act) {
  byId(id).addEventListener(event, (happened) => {
    if (event === "submit") happened.preventDefault();
    act(happened);
  });
}

async function start() {
  const call = await exchange("GET", "playground/setup");
  if (call.status !== 200) return trouble(outcomeText(call));
  state.setup = call.body;
  state.services = await services();
  fillForms();
  on("story", "change", tellStory);
  on("pick", "submit", openStory);
  on("find", "submit", findPatients);
  on("paste", "submit", () => openText(byId("bundle").value));
  on("file", "change", (event) => openFile(event.target.files[0]));
  on("drug", "change", pickDrug);
  on("dose", "input", write);
  on("timing", "change", write);
  on("order", "submit", write);
  on("another", "click", writeAnother);
  on("sign", "click", sign);
  on("sign-anyway", "click", () => finish("Signed, the cards notwithstanding."));
  on("again", "click", () => fire("patient-view"));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    openFile(event.dataTransfer.files[0]);
  });
  document.documentElement.dataset.ready = "yes";
}

start();
