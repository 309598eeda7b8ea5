"use strict";
// The page shows what the server says is there and sends what people do. It keeps nothing but what a person has half written.

const $ = (selector, within = document) => within.querySelector(selector);
const seen = {};
let language = localStorage.getItem("language") || (navigator.language.startsWith("ru") ? "ru" : "en");
const w = (key, values = {}) => WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

// --- What people do.

let problemTimer;
function tells(problem) {
  $("#problem").textContent = problem;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => ($("#problem").textContent = ""), 6000);
}

async function post(path, body, type) {
  try {
    const answer = await fetch(path, { method: "POST", body, headers: { "Content-Type": type } });
    if (!answer.ok) tells(await answer.text() || `${answer.status}`);
    return answer.ok;
  } catch {
    tells(w("lost"));
    return false;
  }
}

// Asks on the page itself, which goes on meanwhile.
function asks(words) {
  const dialog = $("#question");
  $("p", dialog).textContent = words;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise(answers => dialog.addEventListener("close", () => answers(dialog.returnValue === "yes"), { once: true }));
}

const orders = order => post("/do", JSON.stringify(order), "application/json");

async function attaches(phone, file) {
  const query = new URLSearchParams({ phone, name: file.name || "photo.jpg" });
  if (replies[phone]) query.set("reply", replies[phone].id);
  await post(`/attach?${query}`, file, "application/octet-stream");
  repliesTo(phone, null);
}

// --- Words with their formatting, as Telegram shows them.

function rich(text, entities, phone) {
  const fragment = document.createDocumentFragment();
  const marks = (Array.isArray(entities) ? entities : []).filter(one => one.length > 0);
  const cuts = [...new Set([0, text.length, ...marks.flatMap(one => [one.offset, one.offset + one.length])])]
    .filter(cut => cut <= text.length).sort((one, other) => one - other);
  for (let at = 0; at + 1 < cuts.length; at++) {
    const piece = text.slice(cuts[at], cuts[at + 1]);
    let node = document.createTextNode(piece);
    for (const mark of marks.filter(one => one.offset <= cuts[at] && one.offset + one.length >= cuts[at + 1])) {
      node = wrapped(mark, node, piece, phone);
    }
    fragment.append(node);
  }
  return fragment;
}

function wrapped(mark, node, piece, phone) {
  const plain = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "code", blockquote: "q" };
  if (plain[mark.type]) return make(plain[mark.type], {}, node);
  if (mark.type === "bot_command") {
    return make("button", { type: "button", class: "command", onclick: () => orders({ do: "say", phone, text: piece }) }, node);
  }
  if (mark.type === "url" || mark.type === "text_link") {
    const address = mark.url || piece;
    const lead = address.match(/\/leads\/detail\/(\d+)/);
    if (lead) return make("button", { type: "button", class: "command", onclick: () => showsCard(lead[1]) }, node);
    if (/^https?:\/\//.test(address)) return make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, node);
  }
  return node;
}

// --- Lists whose rows stay where they are while nothing of them changes, so that focus and reading are not disturbed.

function fills(list, rows, builds) {
  const there = new Map([...list.children].map(row => [row.dataset.key, row]));
  let before = null;
  for (const [key, value] of rows) {
    const sign = JSON.stringify([language, value]);
    let row = there.get(String(key));
    if (!row || row.dataset.sign !== sign) {
      const old = row;
      row = builds(value, old);
      [row.dataset.key, row.dataset.sign] = [key, sign];
      if (old) {
        const held = old.contains(document.activeElement) && document.activeElement.dataset.hold;
        old.replaceWith(row);
        if (held) $(`[data-hold="${CSS.escape(held)}"]`, row)?.focus({ preventScroll: true });
      }
    }
    there.delete(String(key));
    const place = before ? before.nextSibling : list.firstChild;
    if (place !== row) list.insertBefore(row, place);
    before = row;
  }
  there.forEach(row => row.remove());
}

// --- The phones.

const replies = {};
const popped = {};
const time = seconds => new Date(seconds * 1000).toLocaleTimeString("ru", { hour: "2-digit", minute: "2-digit" });

function repliesTo(phone, message) {
  replies[phone] = message;
  const bar = $(`#phone-${phone} .reply`);
  bar.hidden = !message;
  $("span", bar).textContent = message ? `${w("replyTo")} ${message.text.split("\n")[0] || w("photo")}` : "";
  if (message) $(`#phone-${phone} textarea`).focus();
}

function phoneOf(one) {
  let section = $(`#phone-${one.phone}`);
  if (section) return section;
  section = $("#phone").content.firstElementChild.cloneNode(true);
  section.id = `phone-${one.phone}`;
  section.dataset.is = one.phone;
  const form = $("form", section), field = $("textarea", section);
  const sends = async () => {
    const text = field.value;
    if (!text.trim()) return;
    if (await orders({ do: "say", phone: one.phone, text, reply: replies[one.phone]?.id ?? null })) {
      field.value = "";
      grows();
      repliesTo(one.phone, null);
    }
  };
  const grows = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 110)}px`;
    field.style.overflowY = field.scrollHeight > 110 ? "auto" : "hidden";
  };
  form.addEventListener("submit", event => (event.preventDefault(), sends()));
  field.addEventListener("input", grows);
  field.addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) (event.preventDefault(), sends());
  });
  const menu = $(".attach", section);
  const closes = () => (menu.open = false);
  $(".sample", section).addEventListener("click", async () => {
    closes();
    attaches(one.phone, new File([await (await fetch("/car.png")).blob()], "car.png"));
  });
  $("input[type=file]", section).addEventListener("change", event => {
    closes();
    [...event.target.files].forEach(file => attaches(one.phone, file));
    event.target.value = "";
  });
  $(".contact", section).addEventListener("click", () => (closes(), orders({ do: "contact", phone: one.phone })));
  $(".contact", section).hidden = one.phone !== "buyer";
  menu.addEventListener("keydown", event => event.key === "Escape" && (closes(), $("summary", menu).focus()));
  document.addEventListener("click", event => menu.contains(event.target) || closes());
  $(".reply button", section).addEventListener("click", () => repliesTo(one.phone, null));
  $("select", section).addEventListener("change", event => {
    const chosen = event.target.value;
    if (one.phone === "managers") return orders({ do: "manager", id: Number(chosen) });
    if (!chosen.startsWith("new")) return orders({ do: "buyer", id: Number(chosen) });
    const phonesLanguage = chosen.slice("new-".length), names = NAMES[phonesLanguage];
    const taken = seen.phones.find(phone => phone.phone === "buyer").people.map(person => person.name);
    const name = names.find(name => !taken.includes(name)) || `${names[0]} ${taken.length}`;
    orders({ do: "buyer", name, language: phonesLanguage });
  });
  $("#phones").append(section);
  return section;
}

function showsPhone(one) {
  const section = phoneOf(one);
  const titles = { buyer: "buyer", admin: "adminLong", managers: "managersLong" };
  $(".who", section).textContent = w(titles[one.phone]);
  const select = $("select", section);
  select.hidden = one.phone === "admin";
  select.setAttribute("aria-label", w(one.phone === "managers" ? "as" : "who"));
  const options = one.people.map(person => [person.id, person.name]);
  if (one.phone === "buyer") options.push(["new-ru", w("newBuyer")], ["new-en", w("newEnglish")]);
  if (select.dataset.sign !== JSON.stringify(options)) {
    select.replaceChildren(...options.map(([id, name]) => make("option", { value: id }, name)));
    select.dataset.sign = JSON.stringify(options);
  }
  select.value = one.holder;
  const inGroup = one.phone === "managers";
  $("h2", section).textContent = inGroup ? w("group") : w("bots");
  $(".bar p", section).textContent = inGroup ? w("members", { n: one.people.length }) : w("bot");
  $(".avatar", section).textContent = inGroup ? "П" : "🚗";
  const chat = $(".chat", section);
  chat.dataset.empty = w({ buyer: "emptyBuyer", admin: "emptyAdmin", managers: "emptyManagers" }[one.phone]);
  chat.setAttribute("aria-label", `${w(titles[one.phone])}: ${inGroup ? w("group") : w("bots")}`);
  const atEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
  const another = chat.dataset.chat !== String(one.chat);
  const last = chat.lastElementChild?.dataset.key;
  if (another) chat.replaceChildren();
  chat.dataset.chat = one.chat;
  fills(chat, one.messages.map(message => [message.id, message]), message => bubble(one, message));
  if (atEnd || another || chat.lastElementChild?.dataset.key !== last && one.messages.at(-1)?.mine) chat.scrollTop = chat.scrollHeight;
  $(".keys", section).replaceChildren(...keys(one));
  const field = $("textarea", section);
  field.placeholder = one.keyboard?.placeholder || w("write");
  field.setAttribute("aria-label", `${w("write")}: ${w(titles[one.phone])}`);
  for (const [selector, key] of [[".send", "send"], [".attach summary", "attach"], [".reply button", "cancelReply"]]) {
    $(selector, section).setAttribute("aria-label", w(key));
  }
  $(".sample", section).textContent = w("sample");
  $(".file span", section).textContent = w("file");
  $(".contact", section).textContent = w("contact");
  pops(section, one);
}

function keys(one) {
  return (one.keyboard?.rows || []).map(row => make("div", {}, ...row.map(key => make("button", {
    type: "button",
    onclick: () => orders(key.contact ? { do: "contact", phone: one.phone } : { do: "say", phone: one.phone, text: key.text }),
  }, key.text))));
}

function pops(section, one) {
  const before = popped[one.chat], now = one.popped?.n ?? -1;
  popped[one.chat] = now;
  if (before === undefined || now <= before) return;
  const note = $(".popped", section);
  note.textContent = one.popped.text;
  note.classList.add("shown");
  clearTimeout(note.timer);
  note.timer = setTimeout(() => note.classList.remove("shown"), one.popped.window ? 9000 : 4500);
}

function bubble(one, message) {
  const inGroup = one.phone === "managers";
  const name = message.bot ? null : inGroup && !message.mine ? message.by : null;
  const picture = message.file && (message.file.picture
    ? make("a", { class: "picture", href: message.file.at, target: "_blank" }, photo(message.file))
    : make("a", { class: "document", href: message.file.at, download: message.file.name }, "📄 ", message.file.name));
  const body = make("div", { class: "body" },
    name && make("b", { class: "by" }, name),
    message.reply && make("div", { class: "quote" }, make("b", {}, message.reply.by || ""), " ", message.reply.text),
    picture,
    message.other && make("span", { class: "other" }, message.other),
    make("span", { class: "text" }, rich(message.text || "", message.entities, one.phone)),
    make("span", { class: "at" }, `${message.edited ? `${w("edited")} ` : ""}${time(message.at)}`));
  const item = make("li", { class: message.mine ? "mine" : "theirs" }, body);
  if (inGroup && !message.mine) {
    body.append(make("button", {
      type: "button", class: "answer", title: w("reply"), "aria-label": `${w("reply")}: ${(message.text || w("photo")).split("\n")[0]}`,
      onclick: () => repliesTo("managers", message),
    }, "↩"));
  }
  for (const row of message.buttons || []) {
    item.append(make("div", { class: "row" }, ...row.map(button => make("button", {
      type: "button", class: button.style || null, "data-data": button.data, "data-hold": button.data || button.url,
      onclick: () => presses(one, message, button),
    }, button.text + (button.url ? " ↗" : "")))));
  }
  return item;
}

function photo(file) {
  const image = make("img", { src: file.at, alt: w("photo") });
  image.addEventListener("error", () => image.replaceWith(make("span", { class: "none" }, "🖼 ", w("photo"))));
  image.addEventListener("load", () => {
    const chat = image.closest(".chat");
    if (chat && chat.scrollHeight - chat.scrollTop - chat.clientHeight < 400) chat.scrollTop = chat.scrollHeight;
  });
  return image;
}

async function presses(one, message, button) {
  if (button.copies) return navigator.clipboard?.writeText(button.copies).then(() => tells(w("copied")));
  if (!button.url) return orders({ do: "press", phone: one.phone, message: message.id, data: button.data });
  const lead = button.url.match(/\/leads\/detail\/(\d+)/);
  if (lead) return showsCard(lead[1]);
  if (!new URL(button.url).searchParams.has("state")) return window.open(button.url, "_blank", "noopener,noreferrer");
  if (await asks(w("sheet"))) orders({ do: "open", url: button.url });
}

// --- The board.

const opened = new Map();
const money = number => `${number.toLocaleString("ru")} ₽`;

function showsBoard(board) {
  $("#pipeline").textContent = board.account ? `${board.account} · ${board.pipeline}` : "";
  const newest = Math.max(0, ...board.cards.map(card => card.id));
  fills($("#columns"), board.stages.map(stage => [stage.id, stage]), (stage, old) => column(stage, old));
  for (const stage of board.stages) {
    const cards = board.cards.filter(card => card.stage === stage.id).reverse();
    const place = $(`[data-stage="${stage.id}"]`);
    $(".count", place).textContent = cards.length || "";
    fills($("ul", place), cards.map(card => [card.id, { ...card, stages: board.stages, newest: card.id === newest }]), lead);
    $(".none", place).hidden = cards.length > 0;
  }
}

function column(stage, old) {
  const section = make("section", { class: "column", "data-stage": stage.id, "aria-label": stage.name },
    make("h3", {}, stage.name, " ", make("span", { class: "count" })),
    old ? $("ul", old) : make("ul"),
    make("p", { class: "none" }, w("empty")));
  section.addEventListener("dragover", event => (event.preventDefault(), section.classList.add("over")));
  section.addEventListener("dragleave", event => section.contains(event.relatedTarget) || section.classList.remove("over"));
  section.addEventListener("drop", event => {
    event.preventDefault();
    section.classList.remove("over");
    moves(Number(event.dataTransfer.getData("text/plain")), stage.id);
  });
  return section;
}

const moves = (lead, stage) => orders({ do: "move", lead, stage });

function lead(card) {
  const list = (key, rows) => rows.length > 0 && make("div", { class: "part" }, make("h4", {}, w(key)), make("ul", {}, ...rows));
  const details = make("details", { open: opened.get(card.id) ?? card.newest },
    make("summary", { "data-hold": "summary" },
      make("span", { class: "name" }, card.name),
      card.price ? make("span", { class: "price" }, money(card.price)) : null),
    make("div", { class: "more" },
      ...card.people.map(one => make("p", { class: "contact" }, "👤 ", one.name, ...one.phones.map(phone => ` · ${phone}`))),
      make("p", { class: "contact" }, `${w("responsible")}: ${card.responsible || w("nobody")}`),
      list("fields", card.fields.map(field => make("li", {}, make("i", {}, field.name), " ", field.value))),
      list("files", card.files.map(file => make("li", {}, file.picture
        ? make("a", { class: "picture", href: file.at, target: "_blank" }, photo(file))
        : make("a", { href: file.at, download: file.name }, `📄 ${file.name}`)))),
      list("tasks", card.tasks.map(task => make("li", {}, `☐ ${task.text}, ${w("until")} ${time(task.till)}`))),
      list("notes", [...card.notes].reverse().map(note => make("li", { class: "note" }, note)))));
  $("summary", details).addEventListener("click", () => opened.set(card.id, !details.open));
  const select = make("select", {
    "aria-label": `${w("move")}: ${card.name}`, "data-hold": "stage", onchange: event => moves(card.id, Number(event.target.value)),
  }, ...card.stages.map(stage => make("option", { value: stage.id }, stage.name)));
  select.value = card.stage;
  const counts = [["💬", card.notes.length], ["☐", card.tasks.length], ["📎", card.files.length]].filter(([, count]) => count);
  const item = make("li", { class: "card", draggable: true, "data-lead": card.id, tabindex: "-1" }, details,
    make("div", { class: "foot" },
      make("span", { class: "chips", "aria-hidden": true }, ...counts.map(([sign, count]) => make("span", {}, `${sign} ${count}`)),
        ...card.tags.map(tag => make("span", { class: "tag" }, tag))),
      select));
  item.addEventListener("dragstart", event => {
    event.dataTransfer.setData("text/plain", card.id);
    event.dataTransfer.effectAllowed = "move";
    item.classList.add("dragged");
  });
  item.addEventListener("dragend", () => item.classList.remove("dragged"));
  return item;
}

function showsCard(id) {
  pane("board");
  const card = $(`[data-lead="${id}"]`);
  if (!card) return;
  $("details", card).open = true;
  opened.set(Number(id), true);
  card.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "smooth" });
  card.focus();
}

// --- Faults, the daemon, the timeline, the story.

function showsDaemon(daemon) {
  const runs = $("#runs");
  runs.textContent = w(daemon.runs ? "runs" : "stopped");
  runs.classList.toggle("bad", !daemon.runs);
  $('[data-do="restart"]').textContent = w(daemon.runs ? "restart" : "start");
  $('[data-do="kill"]').disabled = !daemon.runs;
  $("#speed").textContent = w("speed", { n: daemon.speed, s: Math.round(900 / daemon.speed) });
  $("#play").hidden = !daemon.plays;
  fills($("#switches"), daemon.faults.map(one => [one.fault, one]), one => make("button", {
    type: "button", role: "switch", "aria-checked": String(one.on), "data-fault": one.fault, "data-hold": one.fault,
    onclick: () => orders({ do: "fault", fault: one.fault, on: !one.on }),
  }, make("span", { class: "knob", "aria-hidden": true }), w(one.fault)));
}

function showsTimeline(lines) {
  fills($("#timeline"), [...lines].reverse().map(line => [line.n, line]), line => make("li", { class: `${line.source}${line.bad ? " bad" : ""}` },
    make("time", {}, new Date(line.at).toLocaleTimeString("ru")),
    make("span", { class: "from" }, w(line.source)),
    make("span", { class: "what" }, line[language], line.times > 1 && make("b", {}, ` ×${line.times}`))));
}

function showsPlay(play) {
  const story = $("#story");
  story.hidden = play.steps === 0;
  document.body.classList.toggle("playing", !story.hidden);
  $("#play").disabled = play.steps > 0 && !play.over;
  $("#auto").checked = play.auto;
  $("#auto").closest("label").hidden = play.over;
  $("#next").hidden = play.over;
  $("#next").disabled = !play.waits;
  story.classList.toggle("failed", play.failed);
  $(".progress i", story).style.width = `${100 * play.step / Math.max(1, play.steps)}%`;
  $("#step").textContent = play.over ? w("done") : w("step", { n: play.step, of: play.steps });
  $("#line").textContent = play.line ? play.line[language] : "";
}

// --- The page itself.

const shows = {
  phones: phones => phones.forEach(showsPhone), board: showsBoard, daemon: showsDaemon, timeline: showsTimeline, play: showsPlay,
};

function speaks() {
  document.documentElement.lang = language;
  document.title = `${w("title")} · amocrm-lead-bot`;
  document.querySelectorAll("[data-w]").forEach(element => (element.textContent = w(element.dataset.w)));
  document.querySelectorAll("[data-label]").forEach(element => element.setAttribute("aria-label", w(element.dataset.label)));
  for (const [part, value] of Object.entries(seen)) shows[part](value);
}

function pane(name) {
  document.body.dataset.pane = name;
  document.querySelectorAll(".panes button").forEach(button => {
    if (button.dataset.to === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  document.querySelectorAll(".chat").forEach(chat => (chat.scrollTop = chat.scrollHeight));
}

function dresses(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

document.querySelectorAll(".panes button").forEach(button => button.addEventListener("click", () => pane(button.dataset.to)));
$("#language").addEventListener("click", () => {
  language = language === "ru" ? "en" : "ru";
  localStorage.setItem("language", language);
  speaks();
});
$("#theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme === "dark"
    || !document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", dark ? "light" : "dark");
  dresses(dark ? "light" : "dark");
});
$("#play").addEventListener("click", () => orders({ do: "play", fast: false }));
$("#next").addEventListener("click", () => orders({ do: "next" }));
$("#auto").addEventListener("change", event => orders({ do: "auto", on: event.target.checked }));
$("#again").addEventListener("click", async () => await asks(w("sure")) && post("/again", "", "text/plain"));
$("#daemon").addEventListener("click", async event => {
  const order = event.target.dataset.do;
  if (order && (order !== "wipe" || await asks(w("sureWipe")))) orders({ do: order });
});
// What is newest stays in view where the window changes, and a field is as high as what is written in it.
let wide = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === wide) return;
  wide = innerWidth;
  document.querySelectorAll(".chat").forEach(chat => (chat.scrollTop = chat.scrollHeight));
  document.querySelectorAll("textarea").forEach(field => field.dispatchEvent(new Event("input")));
});

dresses(localStorage.getItem("theme"));
speaks();
pane("buyer");
const events = new EventSource("/events");
for (const part of Object.keys(shows)) {
  events.addEventListener(part, event => {
    seen[part] = JSON.parse(event.data);
    shows[part](seen[part]);
    document.body.dataset.ready = "true";
  });
}
events.addEventListener("error", () => tells(w("lost")));
events.addEventListener("open", () => ($("#problem").textContent = ""));
