"use strict";
// The few lines that make elements. Text always goes in as text, never as markup.

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

/** A link, or plain text when the address is not one of the web. */
function link(address, text) {
  return /^https?:\/\//.test(address || "") ? make("a", { href: address }, text) : text;
}

/** A text whose `marked` words are code, as children of an element. */
function coded(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

async function copyText(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // refused, as in some embedded views: the old way still works there
    }
  }
  const area = make("textarea", { class: "unseen", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("not copied");
}

/** A button that copies what `text()` returns and reports it. */
function copyButton(label, text) {
  return make("button", { type: "button", class: "copy", "aria-label": label, onclick: (event) => copyFrom(event.currentTarget, text()) }, "Copy");
}

async function copyFrom(button, text) {
  try {
    await copyText(text);
    button.textContent = "Copied";
    say("Copied.");
  } catch {
    button.textContent = "Select it";
    say("Copying is not allowed here; select the text.");
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

/** Announces to those who listen instead of looking. */
function say(text) {
  byId("said").textContent = text;
}
