const { types } = require('node:util');
const { TestEnvironment } = require('jest-environment-node');

const ordinary = Function.prototype[Symbol.hasInstance];
// Errors from native modules belong to jest's inner realm; `instanceof Error` accepts them too, as it does
// outside jest.
Object.defineProperty(Error, Symbol.hasInstance, {
  value(candidate) {
    return ordinary.call(this, candidate) || (this === Error && types.isNativeError(candidate));
  },
});

/**
 * Node's environment with Node's own error classes: jest gives each test file separate classes, so errors
 * from Node's modules would not be `instanceof Error` there, as they are everywhere else.
 */
module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    Object.assign(this.global, { Error, TypeError, RangeError, SyntaxError, URIError, AggregateError });
  }
};
