import { render } from "preact";
import "./page.css";

render(<h1>difystream</h1>, document.getElementById("page")!);
