// The page begins here.

import { PageShell } from "./shell/page_shell.js";
import { enter } from "./shell/sign_in.js";
import { startTheme } from "./theme.js";

startTheme();
void enter(document.body).then((about) => new PageShell(document.body, about).start());
