import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "express-views",
  group: "Renderers",
  about: "EJS and Pug with Express",
  packages: { express: "5.3.0", ejs: "7.0.2", pug: "3.0.4" },
  files: {
    "views/page.ejs": "<h1><%= title %></h1><% for (const each of items) { %><li><%= each %></li><% } %>\n",
    "views/page.pug": "h1= title\neach item in items\n  li= item\n",
    "views/broken.ejs": "<%= nothing.here %>\n",
    "app.mjs": `
import express from "express";

const app = express();
app.set("view engine", "ejs");
app.enable("view cache");
app.get("/ejs", (req, res) => res.render("page", { title: "<EJS>", items: [1, 2] }));
app.get("/pug", (req, res) => res.render("page.pug", { title: "<Pug>", items: [1, 2] }));
app.get("/broken", (req, res) => res.render("broken", {}));
app.use((error, req, res, next) => res.status(500).send("the view is broken"));
const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [get("/ejs"), get("/pug"), get("/broken", { status: 500 })],
};

export default app;
