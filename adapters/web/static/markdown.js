// The Markdown of Teams' TextBlocks, as far as it goes here: bold, italics, lists and links, on escaped text.
// This is the one place where a card's text becomes HTML, so everything is escaped first and nothing is added
// but the tags below.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function inline(text) {
  const kept = [];
  // A backslash takes the meaning from the character after it: set such characters aside.
  const plain = text.replace(/\\([\\`*_{}[\]()<>#+\-.!~|&=])/g, (_, mark) => `\u0000${kept.push(mark) - 1}\u0000`);
  return plain
    .replace(/[&<>"']/g, (mark) => ENTITIES[mark])
    .replace(/\[([^\]]+)\]\((https?:\/\/[^\s()"]+)\)/g, '<a href="$2" target="_blank" rel="noopener noreferrer">$1</a>')
    .replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
    .replace(/(?<![\w])_(.+?)_(?![\w])/g, "<em>$1</em>")
    .replace(/\u0000(\d+)\u0000/g, (_, at) => kept[at].replace(/[&<>]/, (mark) => ENTITIES[mark]));
}

/** Return the HTML of a text. */
export function markdown(text) {
  const lines = text.replaceAll("\u0000", "").split(/\r?\n/);
  const listed = lines.every((line) => /^[-*] /.test(line));
  if (listed) return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join("")}</ul>`;
  return `<p>${lines.map(inline).join("<br>")}</p>`;
}
