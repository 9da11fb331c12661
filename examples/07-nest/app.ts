/**
 * Node runs TypeScript by erasing types, and decorator syntax is more than a type: `@Get()` does not run as it is.
 * Two ways out: compile first (`nest build`) and serve `dist/main.js`, whose `app.listen()` heddle captures; or apply
 * the decorators as what they are, functions, as below.
 */

import "reflect-metadata";
import { Body, Controller, Get, type INestApplication, Module, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

class HelloController {
  hello(): string {
    return "hello from nest\n";
  }

  echo(body: unknown): unknown {
    return body;
  }
}
method(HelloController, "hello", Get());
method(HelloController, "echo", Post("echo"));
Body()(HelloController.prototype, "echo", 0);
Controller()(HelloController);

// oxlint-disable-next-line typescript/no-extraneous-class -- a Nest module is its decorator's argument
class AppModule {}
Module({ controllers: [HelloController] })(AppModule);

function method(owner: { readonly prototype: object }, name: string, decorator: MethodDecorator): void {
  decorator(owner.prototype, name, Object.getOwnPropertyDescriptor(owner.prototype, name)!);
}

/** A promise of an app will do: heddle waits for it, calls init(), and close() at the end. */
const app: Promise<INestApplication> = NestFactory.create(AppModule, { logger: ["error", "warn"] });

export default app;
