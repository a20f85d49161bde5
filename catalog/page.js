"use strict";
(() => {
  const get = (id) => document.getElementById(id);
  const fields = ["q", "area", "kind", "year", "status"];
  const list = get("list"), articles = [...list.querySelectorAll("article")];
  const headings = [...list.querySelectorAll("h2, h3, h4")];
  const han = /\p{Script=Han}/u, letter = /[\p{L}\p{N}]/u;
  const data = articles.map((a) => ({ a, names: a.dataset.names.split("\n"), text: a.dataset.text }));

  // The scores are those of the command line: search.go.
  const startsWord = (name, word) => {
    for (let i = name.indexOf(word); i >= 0; i = name.indexOf(word, i + word.length))
      if (i === 0 || !letter.test(name[i - 1])) return true;
    return false;
  };
  const wordScore = (word, x) => {
    let best = 0;
    for (const name of x.names)
      best = Math.max(best, name === word ? 12 : startsWord(name, word) ? 6 : name.includes(word) ? 4 : 0);
    if (!best && x.text.includes(word)) best = 1;
    if (best || !han.test(word)) return best;
    const letters = [...word], all = x.names.join("\n") + "\n" + x.text;
    let pairs = 0, found = 0;
    for (let i = 0; i + 1 < letters.length; i++, pairs++) found += all.includes(letters[i] + letters[i + 1]);
    return pairs && 3 * found >= 2 * pairs ? 1 : 0;
  };
  const score = (words, x) => {
    let total = 0;
    for (const word of words) {
      const s = wordScore(word, x);
      if (!s) return 0;
      total += s;
    }
    return total + (x.a.classList.contains("leaf") ? 1 : 0);
  };

  const show = () => {
    const words = get("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const asked = fields.slice(1).filter((f) => get(f).value);
    const hits = data.filter((x) => {
      x.score = words.length ? score(words, x) : 1;
      x.a.hidden = !x.score || asked.some((f) => x.a.dataset[f] !== get(f).value);
      return !x.a.hidden;
    });
    headings.forEach((h) => { h.hidden = words.length > 0 || asked.length > 0; });
    const order = words.length ? [...hits].sort((x, y) => y.score - x.score) : data;
    if (words.length) list.prepend(...order.map((x) => x.a));
    get("count").value = hits.length;
    get("nothing").hidden = hits.length > 0;
  };

  // Searching moves what is found to the top; without words everything stands again
  // in the outline's order.
  const home = [...list.children];
  const update = () => { list.append(...home); show(); };

  const read = () => {
    const text = location.hash.slice(1);
    if (text && !text.includes("=")) { // a link to an entry
      fields.forEach((f) => { get(f).value = ""; });
      update();
      const goal = get(text);
      if (goal) goal.scrollIntoView();
      return;
    }
    const asked = new URLSearchParams(text);
    fields.forEach((f) => { get(f).value = asked.get(f) || ""; });
    if (asked.get("lang")) get(asked.get("lang") === "zh" ? "zh" : "en").checked = true;
    update();
    speak();
  };
  const write = () => {
    const asked = new URLSearchParams();
    fields.forEach((f) => { if (get(f).value) asked.set(f, get(f).value); });
    if (get("zh").checked) asked.set("lang", "zh");
    history.replaceState(null, "", "#" + asked);
    update();
  };
  const speak = () => {
    const zh = get("zh").checked;
    document.documentElement.lang = zh ? "zh-CN" : "en";
    document.querySelectorAll("option[data-zh]").forEach((o) => { o.textContent = zh ? o.dataset.zh : o.dataset.en; });
  };

  fields.forEach((f) => get(f).addEventListener("input", write));
  ["en", "zh"].forEach((id) => get(id).addEventListener("change", () => { speak(); write(); }));
  get("clear").addEventListener("click", () => { fields.forEach((f) => { get(f).value = ""; }); write(); });
  addEventListener("hashchange", read);
  get("tools").hidden = false;
  read();
})();
