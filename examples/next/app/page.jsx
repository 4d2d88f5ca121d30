import { Trainer } from './trainer.jsx';

export default function Page() {
  return (
    <main>
      <h1>A GAN learns in this page</h1>
      <Trainer />
    </main>
  );
}
