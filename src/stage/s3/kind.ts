import type { StageKind } from '../kind';
import { parseS3, s3Uri, SCHEME } from './location';

/** `s3://bucket/prefix`. */
export const s3: StageKind = {
  example: '"s3://bucket/prefix"',
  service: {
    packages: ['@aws-sdk/client-s3'],
    // The sources of credentials that the AWS SDK supports.
    credentials: [
      /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|WEB_IDENTITY_TOKEN_FILE)$/i,
      /^AWS_CONTAINER_(AUTHORIZATION_TOKEN(_FILE)?|CREDENTIALS_(FULL|RELATIVE)_URI)$/i,
    ],
    settings: [/^AWS_(?!SDK_JS_).+$/],
    ownVariables: [/^AWS_SDK_JS_/],
  },
  matches: (value) => value.startsWith(SCHEME),
  resolve: (value) => s3Uri(parseS3(value)),
  open(uri) {
    const { S3Stage }: typeof import('./s3-stage') = require('./s3-stage');
    return new S3Stage(uri);
  },
};
