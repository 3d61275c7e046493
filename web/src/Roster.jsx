// Choosing the roster of an assessment. Which files the phone offers is its own affair; the server says what it can read.
import { useState } from 'preact/hooks';
import { Sheet } from './Sheet.jsx';
import { words } from './words.js';

const TEMPLATE = '/api/assessments/training-allowance/roster/template.xlsx';

export function RosterSheet({ onClose, give }) {
  const [file, setFile] = useState(null);
  const t = words();
  return (
    <Sheet title={t.roster} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (file) give(file);
        }}
      >
        <p id="roster-help">{t.rosterHelp}</p>
        <p>
          <a class="button" href={TEMPLATE} download>{t.template}</a>
        </p>
        <p class="quick">
          <label class="button pick">
            {t.choose}
            <input class="hidden" type="file" aria-describedby="roster-help" onChange={(event) => setFile(event.currentTarget.files[0])} />
          </label>
          <span role="status">{file?.name}</span>
        </p>
        <p>
          <button disabled={!file}>{t.upload}</button>
        </p>
      </form>
    </Sheet>
  );
}
