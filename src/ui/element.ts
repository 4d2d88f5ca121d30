export { SganTrainer } from './sgan-trainer.js';
