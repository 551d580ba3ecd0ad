import { Argument, type Command } from 'commander';
import { completionOf } from '../completion';
import { loadProject, withoutServer, withPartwise } from '../connect';
import { withExamples } from '../help';
import { print } from '../terminal';

/** Run ids offered. */
const MAX_RUNS = 30;

/** Each calls `partwise completion words` with the words after `partwise`, up to the cursor. */
const SCRIPTS = {
  bash: `_partwise() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(partwise completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _partwise partwise`,
  zsh: `#compdef partwise
_partwise() {
  local -a found
  found=("\${(@f)$(partwise completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _partwise partwise`,
  fish: `complete -c partwise -a '(partwise completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
} as const;

const NOTES = `Put the script where the shell reads it, for example:

  eval "$(partwise completion bash)"                                     in ~/.bashrc
  eval "$(partwise completion zsh)"                                      in ~/.zshrc, after compinit
  partwise completion fish > ~/.config/fish/completions/partwise.fish    once

It completes commands, options, and ids of runs, the newest first, while the project's server is running.`;

export function define(command: Command): void {
  withExamples(command, ['completion bash'], NOTES);
  command
    .addArgument(new Argument('<shell>', 'shell to write the script for').choices(Object.keys(SCRIPTS)))
    .action((shell: keyof typeof SCRIPTS) => print(SCRIPTS[shell]));
  const next = command.command('words', { hidden: true });
  withExamples(next, ['completion words -- retry ""']);
  next
    .description('print what may come next, one per line')
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { words: candidates, isRun } = completionOf(words);
      const runs = isRun ? ['@last', ...(await runIds())] : [];
      for (const word of [...candidates, ...runs]) print(word);
    });
}

async function runIds(): Promise<string[]> {
  const config = await loadProject({});
  // A key press must not start a server.
  const isRunning = await withoutServer(config, async (project) => (await project.background()) !== null);
  if (!isRunning) return [];
  return withPartwise(config, { needWorker: false }, async (partwise) =>
    (await partwise.list({ limit: MAX_RUNS })).runs.map(({ runId }) => runId),
  );
}
