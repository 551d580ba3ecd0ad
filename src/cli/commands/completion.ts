import { Argument, type Command } from 'commander';
import { completionOf } from '../completion';
import { loadProject, withoutServer } from '../connect';
import { withExamples } from '../help';
import { print } from '../terminal';

/** The shell waits for the answer. A server that has just started takes a while. */
const OFFERED = { limit: 200, withinMs: 2_000 };

/** Each calls `partwise completion words` with the words after `partwise`, up to the cursor. */
const SCRIPTS = {
  // Not `compgen -W`, which would run `$(…)` in a run id. Bash splits words at characters such as ":" too,
  // and replaces only what is after the last of them ("@" itself included).
  bash: `_partwise() {
  local -a before
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} current kept word
  read -a before <<< "$line"
  if [[ $line == *[[:space:]] ]]; then before+=(''); fi
  current=\${before[\${#before[@]}-1]}
  kept=\${current%"\${current##*["\${COMP_WORDBREAKS//[[:space:]]/}"]}"}
  kept=\${kept%@}
  COMPREPLY=()
  while IFS= read -r word; do
    if [[ $word == "$current"* ]]; then COMPREPLY+=("$(printf %q "\${word#"$kept"}")"); fi
  done < <(partwise completion words -- "\${before[@]:1}" 2>/dev/null)
}
complete -o default -F _partwise partwise`,
  zsh: `#compdef partwise
_partwise() {
  local -a found
  found=("\${(@f)$(partwise completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _partwise partwise`,
  fish: `function __partwise_words
  set -l found (partwise completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
  if set -q found[1]; printf '%s\\n' $found; else; __fish_complete_path (commandline -ct); end
end
complete -c partwise -f -a '(__partwise_words)'`,
} as const;

const NOTES = `Put the script where the shell reads it, for example:

  eval "$(partwise completion bash)"                                     in ~/.bashrc
  eval "$(partwise completion zsh)"                                      in ~/.zshrc, after compinit
  partwise completion fish > ~/.config/fish/completions/partwise.fish    once

It completes commands, options, their choices, and ids of runs, the newest 200 that begin as typed, if the project's server is running, or the configured one answers within two seconds.`;

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
      const runs = isRun ? ['@last', ...(await runIds(words.at(-1) ?? ''))] : [];
      for (const word of [...candidates, ...runs]) print(word);
    });
}

async function runIds(prefix: string): Promise<string[]> {
  return withoutServer(await loadProject({}), (project) => project.newestRunIds({ ...OFFERED, prefix }));
}
