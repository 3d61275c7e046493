// The result of an assessment: the sum, every criterion with its state, and what would change it.
import { Chip } from './Reply.jsx';
import { Icon } from './icons.jsx';
import { words } from './words.js';

const ICONS = { met: 'yes', not_met: 'no', unknown: 'open' };
const leaves = (nodes) => nodes.flatMap((node) => (node.members ? leaves(node.members) : [node]));

function Criterion({ node }) {
  const t = words();
  const more = [node.threshold && `${t.needs} ${node.threshold}`, node.margin, node.note].filter(Boolean).join(',');
  return (
    <li class={node.state}>
      <Icon name={ICONS[node.state]} />
      <span>
        <strong>{node.label}</strong>
        <span class="hidden">,</span> <span class="state">{t[node.state]}</span>
        {node.value && <span>:{node.value}</span>}
        {more && <span class="meta"> {more}</span>}
        {node.members && (
          <>
            <span class="meta"> {node.mode === 'all' ? t.allOf : t.anyOf}</span>
            <Criteria nodes={node.members} />
          </>
        )}
      </span>
    </li>
  );
}

const Criteria = ({ nodes }) => (
  <ul class="criteria">
    {nodes.map((node) => (
      <Criterion node={node} />
    ))}
  </ul>
);

export function Assessment({ card, text, cite }) {
  const t = words();
  const { decision, roster } = card;
  const people = decision.people || [];
  const cited = leaves([...decision.criteria, ...people.flatMap((person) => person.criteria)]).map((node) => node.citation);
  const quotes = [...new Map(cited.filter(Boolean).map((citation) => [citation.quote, citation])).values()];
  const articles = [...new Map(quotes.map((citation) => [citation.article, citation])).values()];
  const sum = decision.amount != null && decision.outcome !== 'not_applicable';
  return (
    <div class="assessment">
      <h2>{card.title}</h2>
      {sum && (
        <p class="sum">
          {decision.amount !== decision.amount_possible && `${t.sum} `}
          <strong>{Number(decision.amount).toLocaleString('zh-CN')}</strong> {t.yuan}
          {decision.amount !== decision.amount_possible && ` · ${t.most} ${Number(decision.amount_possible).toLocaleString('zh-CN')} ${t.yuan}`}
        </p>
      )}
      <p class="lead">{roster ? roster.headline : decision.headline}</p>
      {roster?.notes.map((note) => <p class="meta">{note}</p>)}
      {roster?.asked && <p class="asked">{roster.asked}</p>}
      <Criteria nodes={decision.criteria} />
      {people.slice(0, 20).map((person) => (
        <details open={people.length <= 3}>
          <summary>
            {person.name || ''} {person.count !== 1 || !person.name ? `${person.count ?? ''} ${t.people}, ${t.each} ` : ''}
            {person.amount} {t.yuan}
            {person.amount !== person.amount_possible && `(${t.most} ${person.amount_possible} ${t.yuan})`}
          </summary>
          <Criteria nodes={person.criteria} />
        </details>
      ))}
      {decision.facts?.length > 0 && (
        <dl class="facts">
          {decision.facts.map((fact) => [<dt>{fact.label}</dt>, <dd>{fact.value} {fact.unit}</dd>])}
        </dl>
      )}
      {roster?.incomplete.length > 0 && (
        <>
          <h3>{t.incomplete.replace('{n}', roster.incomplete_rows)}</h3>
          <ul>{roster.incomplete.map((said) => <li>{said}</li>)}</ul>
          {roster.incomplete_rows > roster.incomplete.length && <p class="meta">{t.others}</p>}
        </>
      )}
      {decision.changes?.length > 0 && (
        <>
          <h3>{t.missing}</h3>
          <ul>{decision.changes.map((change) => <li>{change.text}</li>)}</ul>
        </>
      )}
      {decision.open_points?.length > 0 && (
        <>
          <h3>{t.notStated}</h3>
          <ul>{decision.open_points.map((point) => <li>{point}</li>)}</ul>
        </>
      )}
      <details>
        <summary>{t.words}</summary>
        <p class="text">{text}</p>
      </details>
      <div class="chips">
        {articles.map(({ article, label }) => (
          <Chip label={label} onClick={() => cite(quotes.filter((citation) => citation.article === article))} />
        ))}
      </div>
    </div>
  );
}
