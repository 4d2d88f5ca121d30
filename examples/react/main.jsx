import { useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import 'sgan-trainer';

function App() {
  const trainer = useRef(null);
  const [state, setState] = useState('idle');
  const [accuracy, setAccuracy] = useState(null);
  return (
    <>
      <button onClick={() => void trainer.current.step().catch(() => undefined)}>One step</button>
      <p id="state">{state}</p>
      <p id="accuracy">{accuracy === null ? 'not measured' : accuracy.toFixed(3)}</p>
      <sgan-trainer
        ref={trainer}
        data-url="./data/"
        hide="settings evaluations"
        settings={{ recipe: 'notebook', labels: 100, batch: 10 }}
        onsgan-state={({ detail }) => setState(detail.state)}
        onsgan-evaluation={({ detail }) => setAccuracy(detail.testAccuracy)}
      />
    </>
  );
}

createRoot(document.querySelector('#app')).render(<App />);
