import { definePartitionFunction, type Row } from 'partwise';

export const identity = definePartitionFunction({
  name: 'identity',
  run: (data) => data.rows<Row>(),
});
