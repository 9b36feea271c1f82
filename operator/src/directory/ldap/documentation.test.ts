import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { directoryErrors } from '../../errors.ts';
import { activeDirectoryPreset } from '../activedirectory/preset.ts';
import { presets } from './presets.ts';

const page = await readFile(new URL('../../../../docs/directories.md', import.meta.url), 'utf8');

test.each(Object.keys(directoryErrors))('docs/directories.md says where to look for %s', (reason) => {
  expect(page.slice(page.indexOf('## When it fails'))).toMatch(new RegExp(`^\\|[^|]*\`${reason}\``, 'm'));
});

test.each(
  [...Object.values(presets), activeDirectoryPreset(false)].flatMap(({ identity, attributes }) => [
    identity.attribute,
    ...Object.values(attributes).flat(),
  ]),
)('docs/directories.md names the attribute %s', (attribute) => {
  expect(page).toContain(`\`${attribute}\``);
});
