// <teams-card data-card="{…}"> draws an Adaptive Card as Teams would, and tells of its actions by "execute" events.

import { markdown } from "./markdown.js";

const { AdaptiveCard, HostConfig } = globalThis.AdaptiveCards;

// Colours are custom properties, so that a change of theme needs no drawing again.
const ink = { default: "var(--card-ink)", subtle: "var(--card-subtle)" };
const colours = Object.fromEntries(
  ["default", "dark", "light", "accent", "good", "warning", "attention"].map((name) => [name, ink]),
);

const font = (fontFamily) => ({
  fontFamily,
  fontSizes: { small: 13, default: 15, medium: 16, large: 19, extraLarge: 24 },
  fontWeights: { lighter: 400, default: 400, bolder: 600 },
});

const teams = new HostConfig({
  supportsInteractivity: true,
  fontTypes: { default: font("var(--font)"), monospace: font("var(--mono)") },
  spacing: { small: 4, default: 10, medium: 14, large: 20, extraLarge: 28, padding: 12 },
  separator: { lineThickness: 1, lineColor: "var(--line)" },
  containerStyles: {
    default: { backgroundColor: "transparent", foregroundColors: colours },
    emphasis: { backgroundColor: "var(--card-emphasis)", foregroundColors: colours },
  },
  actions: { maxActions: 6, buttonSpacing: 8, actionAlignment: "left", actionsOrientation: "horizontal", spacing: "medium" },
  adaptiveCard: { allowCustomStyle: false },
  textBlock: { headingLevel: 3 },
});

AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdown(text);
  result.didProcess = true;
};

class TeamsCard extends HTMLElement {
  connectedCallback() {
    const card = new AdaptiveCard();
    card.hostConfig = teams;
    card.onExecuteAction = (action) => {
      // It fires for Action.ToggleVisibility too, which the card has then dealt with itself.
      if (action.getJsonTypeName() !== "Action.Execute") return;
      const detail = { verb: action.verb ?? "", data: action.data ?? {} };
      this.dispatchEvent(new CustomEvent("execute", { bubbles: true, detail }));
    };
    card.parse(JSON.parse(this.dataset.card));
    this.replaceChildren(card.render());
  }
}

customElements.define("teams-card", TeamsCard);
