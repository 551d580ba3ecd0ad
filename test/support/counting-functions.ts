/** The model of python_models.py that counts rows, in TypeScript. */
import { definePartitionModel } from 'partwise';

export const count = definePartitionModel({
  name: 'count',
  train: (data) => ({ rows: data.rowCount }),
  predict: (model, data) => Array.from({ length: data.rowCount }, () => model.rows),
});
