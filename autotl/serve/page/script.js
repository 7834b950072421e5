"use strict";
// Names of files and of classes are a stranger's: they become text, never markup.

const SHOWN = 5; // classes of each picture
const AT_ONCE = 4; // requests; the server has others to answer
const TRIES = 5; // when it is full

const find = (id) => document.getElementById(id);
const waiting = [];
let running = 0;
let largest = Infinity; // bytes of one request

function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function percent(share) {
  if (share > 0 && share < 0.005) return "<1%";
  return share > 0.995 && share < 1 ? ">99%" : `${Math.round(100 * share)}%`;
}

function row(file) {
  const item = make("li", "pending");
  const thumb = make("div", "thumb");
  const image = make("img");
  image.alt = "";
  image.onerror = () => thumb.replaceChildren("no preview");
  image.src = URL.createObjectURL(file);
  thumb.append(image);
  const said = make("div", "said");
  said.append(make("p", "label", "Looking…"), make("p", "file", file.name || "pasted picture"));
  item.append(thumb, said);
  return item;
}

function share([label, probability]) {
  const line = make("li");
  const rail = make("span", "rail");
  const fill = make("i");
  fill.style.width = `${100 * probability}%`;
  rail.append(fill);
  rail.setAttribute("aria-hidden", "true");
  line.append(make("span", "", label), rail, make("span", "percent", percent(probability)));
  return line;
}

function show(item, file, answer) {
  item.className = answer.problem ? "failed" : "";
  item.querySelector(".label").textContent = answer.problem || answer.label;
  find("hearing").textContent = `${file.name}: ${answer.problem || `${answer.label}, ${percent(answer.confidence)}`}`;
  if (answer.problem) return;
  const shares = make("ol", "shares");
  const sorted = Object.entries(answer.probabilities).sort((one, other) => other[1] - one[1]);
  shares.append(...sorted.slice(0, SHOWN).map(share));
  item.querySelector(".said").append(shares);
}

async function ask(file) {
  if (file.size > largest - 1000) return { problem: `It is larger than ${largest / 1e6} MB.` };
  for (let tried = 1; ; tried++) {
    const body = new FormData();
    body.append("files", file, file.name);
    const response = await fetch(`predict?top=${SHOWN}`, { method: "POST", body });
    if (response.status === 503 && tried < TRIES) {
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((done) => setTimeout(done, 1000 * seconds));
      continue;
    }
    const told = await response.json();
    return told.predictions ? told.predictions[0] : { problem: told.error };
  }
}

async function work() {
  running++;
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [file, item] = next;
    const answer = await ask(file).catch(() => ({ problem: "The server does not answer. Is it still running?" }));
    show(item, file, answer);
  }
  running--;
}

function count() {
  const rows = find("results").childElementCount;
  find("bar").hidden = rows === 0;
  find("count").textContent = rows === 1 ? "1 picture" : `${rows} pictures`;
}

function take(files) {
  for (const file of [...files].reverse()) {
    const item = row(file);
    find("results").prepend(item);
    waiting.unshift([file, item]);
  }
  count();
  while (running < Math.min(AT_ONCE, waiting.length + running)) work();
}

function clear() {
  waiting.length = 0;
  for (const image of document.querySelectorAll(".thumb img")) URL.revokeObjectURL(image.src);
  find("results").replaceChildren();
  count();
  find("files").focus();
}

async function introduce() {
  const told = await (await fetch("model")).json();
  largest = told.max_upload;
  find("name").textContent = told.name;
  document.title = `${told.name}: what does the picture show?`;
  const some = told.classes.slice(0, 12).join(", ");
  const more = told.classes.length > 12 ? ` and ${told.classes.length - 12} more` : "";
  find("classes").textContent = `A model that tells apart ${told.classes.length} classes: ${some}${more}.`;
}

find("curl").textContent = `curl -F files=@picture.jpg ${new URL("predict", location.href)}`;
find("files").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = ""; // so that the same file may be chosen again
});
find("clear").addEventListener("click", clear);
document.addEventListener("paste", (event) => take(event.clipboardData.files));
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    find("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    if (name === "drop" || !event.relatedTarget) find("drop").classList.remove("over");
  });
}
document.addEventListener("drop", (event) => take(event.dataTransfer.files));
introduce().catch(() => {
  find("notice").textContent = "The server does not answer. Is it still running?";
  find("notice").hidden = false;
});
