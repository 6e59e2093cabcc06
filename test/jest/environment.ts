// Tests run where the product runs, in the worker's own context, and share the modules that they load. A context
// for each file, as Jest has it, would load every module for every file, make loops many times as slow, and hide
// the typed arrays that native modules accept.

import { ModuleMocker } from 'jest-mock';

const { exit, getBuiltinModule } = Object.getOwnPropertyDescriptors(process);

export default class SharedEnvironment {
  readonly global = globalThis;
  readonly moduleMocker = new ModuleMocker(globalThis);

  getVmContext(): null {
    return null;
  }

  setup(): Promise<void> {
    // Jest has just wrapped these, and would do so again for each file.
    Object.defineProperties(process, { exit, getBuiltinModule });
    return Promise.resolve();
  }

  teardown(): Promise<void> {
    return Promise.resolve();
  }
}
