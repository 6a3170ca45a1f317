// What a run may ask of its reader: fields to fill in, loaded together.

export { FollowUp } from "../form/followup";
export { Pause } from "./pause";
