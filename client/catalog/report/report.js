"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const items = JSON.parse(byId("items").textContent);
  const cards = [...document.querySelectorAll(".card")];
  const chips = [...document.querySelectorAll(".chip")];
  const texts = items.map((item) =>
    [item.title, item.id, item.sku, item.variant, item.prompt, item.error && item.error.slug].join("\n").toLowerCase()
  );
  const viewer = byId("viewer");
  const search = byId("search");
  let shown = items.map((_, index) => index);
  let current = -1;

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // ----- filter

  const source = byId("items").dataset;
  const elsewhere = byId("elsewhere");
  const MOST = 200; // links to other pages that are shown at once

  function wanted() {
    const number = (id) => (!byId(id) || byId(id).value === "" ? null : Number(byId(id).value));
    const range = (name) => [number(`${name}-least`), number(`${name}-most`)];
    return {
      words: search.value.toLowerCase().split(/\s+/).filter(Boolean),
      status: chips.find((chip) => chip.getAttribute("aria-pressed") === "true").dataset.status,
      score: range("score"),
      seconds: range("seconds"),
    };
  }

  function within([least, most], value) {
    if (least === null && most === null) return true;
    return value !== null && (least === null || value >= least) && (most === null || value <= most);
  }

  function fits(want, status, text, score, seconds) {
    return (
      (!want.status || status === want.status) &&
      want.words.every((word) => text.includes(word)) &&
      within(want.score, score) &&
      within(want.seconds, seconds)
    );
  }

  function filter() {
    const want = wanted();
    shown = [];
    cards.forEach((card, index) => {
      const item = items[index];
      card.hidden = !fits(want, card.dataset.status, texts[index], item.score, item.seconds);
      if (!card.hidden) shown.push(index);
    });
    byId("empty").hidden = shown.length > 0;
    const top = document.querySelector(".head").offsetHeight;
    if (window.scrollY > top) window.scrollTo(0, top);
    byId("shown").textContent = `${shown.length} of ${items.length} shown`;
    searchElsewhere(want);
  }

  // ----- the run's other pages, which a script beside them knows: a page from disk may load that, but fetch nothing

  let everything = null;
  window.packshotIndex = (rows) => {
    everything = rows;
    filter();
  };

  function searchElsewhere(want) {
    if (!elsewhere) return;
    const asked = want.words.length || want.status || [...want.score, ...want.seconds].some((bound) => bound !== null);
    elsewhere.hidden = true;
    if (!asked) return;
    if (everything === null) {
      everything = [];
      document.head.append(element("script", { src: "report-index.js" }));
      return;
    }
    const list = elsewhere.querySelector("ul");
    list.replaceChildren();
    let found = 0;
    for (const [page, id, title, sku, status, score, seconds, slug, variant, prompt] of everything) {
      if (page === Number(source.page)) continue;
      const text = [title, id, sku, variant, prompt, slug].join("\n").toLowerCase();
      if (!fits(want, status, text, score, seconds)) continue;
      found += 1;
      if (found > MOST) continue;
      const href = `index${page ? `-${page + 1}` : ""}.html#${encodeURIComponent(id)}`;
      list.append(element("li", {}, element("a", { href, textContent: title || id }), ` ${sku || id}, ${status}`));
    }
    elsewhere.hidden = found === 0;
    const more = found > MOST ? `; the first ${MOST}` : "";
    elsewhere.querySelector("h2").textContent = `${found.toLocaleString()} more on other pages${more}`;
  }

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      filter();
    });
  }
  for (const field of document.querySelectorAll(".bar input")) field.addEventListener("input", filter);

  // ----- copying

  let fading;
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A browser may keep the clipboard from pages that are opened from disk; the older way still works there.
      const area = element("textarea", { value: text });
      (viewer.open ? viewer : document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const toast = byId("toast");
    if (viewer.open) viewer.append(toast);
    else document.body.append(toast);
    toast.textContent = text.length > 40 ? "Copied" : `Copied ${text}`;
    toast.classList.add("on");
    clearTimeout(fading);
    fading = setTimeout(() => toast.classList.remove("on"), 1400);
  }

  function copyButton(text, what) {
    const button = element("button", { type: "button", className: "copy", textContent: "copy" });
    button.setAttribute("aria-label", `Copy ${what}`);
    button.addEventListener("click", () => copy(text));
    return button;
  }

  for (const swatch of document.querySelectorAll("[data-copy]")) {
    swatch.addEventListener("click", () => copy(swatch.dataset.copy));
  }

  // ----- large view

  function section(title, text) {
    return element(
      "section",
      {},
      element("h3", {}, title, copyButton(text, title.toLowerCase())),
      element("p", { textContent: text })
    );
  }

  // Earlier attempts beside the picture that was kept in the end.
  function comparison(item) {
    const row = element("div", { className: "tried" });
    const last = { outcome: item.status, reason: "", note: "", thumb: item.thumb, file: item.file };
    for (const one of [...item.tried, last]) {
      const figure = element("figure", {});
      if (one.thumb) {
        const link = element("a", { href: one.file, target: "_blank", rel: "noopener" });
        link.append(element("img", { src: one.thumb, alt: one.outcome, loading: "lazy" }));
        figure.append(link);
      }
      const said = [one.reason, one.note].filter(Boolean).join("; ");
      figure.append(element("figcaption", { title: said }, element("b", {}, one.outcome), ` ${said}`));
      row.append(figure);
    }
    return element("section", {}, element("h3", {}, "Attempts"), row);
  }

  function details(item) {
    const parts = [];
    if (item.error) {
      const lines = [item.error.message, item.error.place, item.error.remedy].filter(Boolean);
      const error = element("section", { className: "error" }, element("h3", {}, item.error.slug));
      error.append(...lines.map((line) => element("p", { textContent: line })));
      parts.push(error);
    }
    if (item.problems.length) {
      const problems = element("section", {}, element("h3", {}, "Problems"));
      problems.append(...item.problems.map((line) => element("p", { textContent: line })));
      parts.push(problems);
    }
    if (item.checks.length) {
      const table = element("table", { className: "checks" });
      for (const check of item.checks) {
        const row = element("tr", { className: check.reason ? "failed" : "" });
        row.append(
          element("th", { scope: "row", textContent: check.id, title: check.reason }),
          element("td", { textContent: check.value }),
          element("td", { textContent: check.reason || check.limit })
        );
        table.append(row);
      }
      parts.push(element("section", {}, element("h3", {}, "Checks"), table));
    }
    if (item.tried.length) parts.push(comparison(item));
    if (item.prompt) parts.push(section("Prompt", item.prompt));
    if (item.negative) parts.push(section("Negative", item.negative));
    const list = element("dl", {});
    for (const [name, value] of Object.entries(item.facts)) {
      const long = name === "SHA-256" || name === "Job";
      const cell = element("dd", { className: long ? "long" : "" }, element("span", { textContent: value, title: value }));
      if (long || name === "Seed") cell.append(copyButton(value, name));
      list.append(element("dt", { textContent: name }), cell);
    }
    parts.push(element("section", {}, list));
    return parts;
  }

  function show(index) {
    current = index;
    const item = items[index];
    const image = byId("viewer-image");
    image.hidden = !item.thumb;
    byId("viewer-note").hidden = Boolean(item.thumb);
    if (item.thumb) {
      image.src = item.file;
      // A small picture is shown at twice its size at most: beyond that only its pixels grow.
      image.style.maxWidth = `${item.width * 2}px`;
      image.style.maxHeight = `${item.height * 2}px`;
      image.alt = [item.title, item.variant].filter(Boolean).join(", ");
    } else {
      image.removeAttribute("src");
      byId("viewer-note").textContent = item.note || (item.status === "pending" ? "not made yet" : "no picture");
    }
    byId("viewer-title").textContent = item.title || item.id;
    byId("viewer-sub").textContent = [item.sku || item.id, item.variant, item.status].filter(Boolean).join(" · ");
    byId("viewer-body").replaceChildren(...details(item));
    byId("viewer-body").scrollTop = 0;
    const place = shown.indexOf(index);
    byId("viewer-count").textContent = `${place + 1} of ${shown.length}`;
    byId("previous").disabled = byId("next").disabled = shown.length < 2;
    const file = byId("viewer-file");
    file.hidden = !item.file;
    file.href = item.file;
    file.title = item.name;
    if (!viewer.open) viewer.showModal();
    const after = items[shown[(place + 1) % shown.length]];
    if (after.thumb) new Image().src = after.file;
  }

  function step(by) {
    const place = shown.indexOf(current);
    show(shown[(place + by + shown.length) % shown.length]);
  }

  cards.forEach((card, index) => card.querySelector(".open").addEventListener("click", () => show(index)));
  const linked = items.findIndex((item) => item.id === decodeURIComponent(location.hash.slice(1)));
  if (location.hash && linked >= 0) show(linked);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => viewer.close());
  viewer.addEventListener("close", () => {
    if (current >= 0) cards[current].querySelector(".open").focus();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (viewer.open) {
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    } else if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      filter();
      search.blur();
    }
  });
})();
