import type { AppRecord } from "../record.ts";
import { custom, get, post } from "../requests.ts";
import { exchange } from "../client.ts";
import { closesAtSigterm } from "../snippets.ts";
import { Agent } from "node:http";

const app: AppRecord = {
  name: "passport",
  group: "Middleware and uploads",
  about: "passport-local and express-session with its memory store, on one connection",
  packages: { express: "5.3.0", "express-session": "1.19.0", passport: "0.7.0", "passport-local": "1.0.0" },
  files: {
    "app.mjs": `
import express from "express";
import session from "express-session";
import passport from "passport";
import { Strategy } from "passport-local";

passport.use(new Strategy((name, password, done) => done(null, password === "secret" ? { name } : false)));
passport.serializeUser((user, done) => done(null, user.name));
passport.deserializeUser((name, done) => done(null, { name }));
const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(session({ secret: "a secret", resave: false, saveUninitialized: false }));
app.use(passport.session());
app.get("/", (req, res) => res.send(req.user ? "hello " + req.user.name : "who are you?"));
app.post("/login", passport.authenticate("local"), (req, res) => res.send("welcome " + req.user.name));
app.post("/logout", (req, res, next) => req.logout((error) => (error ? next(error) : res.redirect("/"))));
const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [
    get("/"),
    post("/login", { form: { username: "ada", password: "wrong" }, status: 401, note: "refused" }),
    custom("log in, look, log out, look", async ({ port, headers }) => {
      // One copy has the session: it is the connection's.
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const told: unknown[] = [];
      let cookie = "";
      const step = async (method: string, path: string, body?: string): Promise<void> => {
        const type = { "content-type": "application/x-www-form-urlencoded" };
        const answer = await exchange(
          { port, agent, ...(headers === undefined ? {} : { headers }) },
          { method, path, headers: { ...type, cookie }, body: body === undefined ? undefined : Buffer.from(body) },
        );
        const [set] = (answer.headers?.["set-cookie"] ?? []) as readonly string[];
        if (set !== undefined) cookie = set.split(";")[0]!;
        told.push(answer.status, answer.body, set?.replace(/=[^;]+/, "=…"));
      };
      await step("POST", "/login", "username=ada&password=secret");
      await step("GET", "/");
      await step("POST", "/logout");
      await step("GET", "/");
      agent.destroy();
      return told;
    }),
  ],
};

export default app;
