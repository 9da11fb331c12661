import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "nest-express",
  group: "Frameworks",
  about: "shutdown hooks; compiled by TypeScript, with decorators",
  packages: {
    "@nestjs/common": "12.5.1",
    "@nestjs/core": "12.5.1",
    "@nestjs/platform-express": "12.5.1",
    "reflect-metadata": "0.2.2",
    rxjs: "7.8.2",
    typescript: "5.9.3",
  },
  main: "dist/main.js",
  files: {
    "tsconfig.json": JSON.stringify({
      compilerOptions: {
        target: "es2022",
        module: "nodenext",
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        outDir: "dist",
        skipLibCheck: true,
        types: [],
      },
      include: ["src"],
    }),
    "src/main.ts": `
import "reflect-metadata";
import { Body, Controller, ForbiddenException, Get, Injectable, Module, OnApplicationShutdown, Param, ParseIntPipe, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
declare const process: any, require: any;

@Injectable()
class Greeter implements OnApplicationShutdown {
  greet(name: string) { return { hello: name }; }
  onApplicationShutdown(signal?: string) {
    require("node:fs").appendFileSync(process.env.CLEANUP_FILE, "onApplicationShutdown\\n");
  }
}

@Controller()
class Pages {
  constructor(private readonly greeter: Greeter) {}
  @Get("hello/:name") hello(@Param("name") name: string) { return this.greeter.greet(name); }
  @Get("items/:id") item(@Param("id", ParseIntPipe) id: number) { return { id }; }
  @Post("echo") echo(@Body() body: unknown) { return body; }
  @Get("refused") refused() { throw new ForbiddenException(); }
  @Get("throws") throws() { throw new Error("internal"); }
}

@Module({ controllers: [Pages], providers: [Greeter] })
class AppModule {}

async function bootstrap() {
  const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false });
  app.enableShutdownHooks();
  await app.listen(process.env.PORT);
}
void bootstrap();
`,
  },
  build: [["tsc"]],
  requests: [
    get("/hello/matrix"),
    get("/items/7"),
    get("/items/x", { status: 400, note: "invalid" }),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/refused", { status: 403 }),
    get("/throws", { status: 500 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
