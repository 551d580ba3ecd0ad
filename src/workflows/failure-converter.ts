/**
 * Errors of a workflow: once anything that it received was encrypted, their messages and stacks go into
 * payloads, which the worker encrypts. Decided by what is in history, so that every replay decides the same.
 */
import {
  DefaultFailureConverter,
  type Payload,
  type PayloadConverter,
  type SerializationContext,
} from '@temporalio/common';
import { isEncrypted, noteEncrypted } from './payload-converter';

type Failure = ReturnType<DefaultFailureConverter['errorToFailure']>;

class ConcealingFailureConverter extends DefaultFailureConverter {
  override failureToError(failure: Failure, converter: PayloadConverter, context?: SerializationContext) {
    // The first failure may arrive before the first encrypted value, if the input was not encrypted.
    if (failure.encodedAttributes != null) noteEncrypted();
    return super.failureToError(failure, converter, context);
  }

  override errorToFailure(
    error: unknown,
    converter: PayloadConverter,
    context?: SerializationContext,
  ): Failure {
    const failure = super.errorToFailure(error, converter, context);
    return isEncrypted() ? concealed(failure, (value) => converter.toPayload(value, context)!) : failure;
  }
}

/** As Temporal's own converter does it, which decodes this. */
function concealed(failure: Failure, toPayload: (value: unknown) => Payload): Failure {
  const { message, stackTrace } = failure;
  return {
    ...failure,
    message: 'Encoded failure',
    stackTrace: '',
    encodedAttributes: toPayload({ message, stack_trace: stackTrace }),
  };
}

export const failureConverter = new ConcealingFailureConverter();
