/** What the colours of a map mean. */
import { PARTITION_STATUSES } from '../../../core/status';
import { durationText } from '../../../display/measures';
import { cellGroup, countOf, durationOf } from '../../wire/cells';
import type { GroupInfo } from '../../wire/types';
import { bounds, groupColour, type Colouring } from '../pictures/colours';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';
import { GLYPHS, number, shown } from '../words';

/** Groups that are named. */
const MAX_GROUPS = 8;

interface LegendProps {
  store: RunStore;
  colouring: Colouring;
}

export function MapLegend({ store, colouring }: LegendProps) {
  void store.drawn.value;
  const now = store.now.value!;
  const { statuses, names } = palette.value;
  if (colouring === 'status')
    return (
      <p class="legend">
        {PARTITION_STATUSES.map((status, i) =>
          now.state.counts[status] === 0 ? null : (
            <Entry key={status} colour={statuses[i]!} text={`${GLYPHS[status]} ${status}`} />
          ),
        )}
      </p>
    );
  if (colouring === 'group') {
    const more = now.groups.length - MAX_GROUPS;
    return (
      <p class="legend">
        {now.groups.slice(0, MAX_GROUPS).map((group) => (
          <Entry key={group.number} colour={groupColour(cellGroup(group.number))} text={nameOfGroup(group)} />
        ))}
        {more > 0 && <span>and {number(more)} more</span>}
        <Entry colour={statuses[0]!} text="not failed" />
      </p>
    );
  }
  if (colouring === 'reused')
    return (
      <p class="legend">
        <Entry colour={names['mark']!} text="reused" />
        <Entry colour={statuses[0]!} text="not reused" />
      </p>
    );
  const [least, most] = bounds(store.values[colouring]);
  return (
    <p class="legend">
      {most > 0 && (
        <>
          <Entry
            colour={names[least === most ? 'scale-high' : 'scale-low']!}
            text={valueText(colouring, least)}
          />
          {most > least && <Entry colour={names['scale-high']!} text={valueText(colouring, most)} />}
        </>
      )}
      <Entry colour={statuses[0]!} text="none" />
    </p>
  );
}

function Entry({ colour, text }: { colour: number; text: string }) {
  return (
    <span>
      <i aria-hidden="true" style={{ background: css(colour) }} /> {text}
    </span>
  );
}

function nameOfGroup({ pattern, type }: GroupInfo): string {
  return shown(pattern ?? type ?? 'errors of many types');
}

function valueText(colouring: 'duration' | 'rows' | 'attempts' | 'returned', byte: number): string {
  if (colouring === 'duration') return `about ${durationText(durationOf(byte))}`;
  if (colouring === 'attempts') return number(byte);
  return `about ${number(Math.round(countOf(byte)))}`;
}
