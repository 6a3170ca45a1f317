import { render } from "preact";
import "./page.css";
import { applySettings } from "./shell/settings";
import { Shell } from "./shell/shell";

applySettings();
render(<Shell />, document.getElementById("page")!);
