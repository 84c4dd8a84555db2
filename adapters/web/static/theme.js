// Before the first paint: what the person chose last time, or what the system prefers.
const chosen = localStorage.getItem("steady-theme");
const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = dark ? "dark" : "light";
