import 'sgan-trainer';
