import { createHash } from 'node:crypto';

const style = `
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 10vh auto; padding: 0 1rem; }
code { font-size: 0.95em; }
`;

/** What a Content-Security-Policy calls the one style of the page: https://www.w3.org/TR/CSP3/#grammardef-hash-source */
export const styleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`;

/** The page, which tells nothing about anybody. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Roster</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Roster</h1>
<p>Roster manages the people of a reporting application as Kubernetes resources.</p>
<p>This web admin is one page as yet. Users, recipients, groups and directories are managed with Git and kubectl, for example:</p>
<ul>
<li><code>kubectl get users.roster.dev</code> lists who may sign in,</li>
<li><code>kubectl get userdirectories,directorysyncs</code> lists directories and their runs.</li>
</ul>
</main>
</body>
</html>
`;
