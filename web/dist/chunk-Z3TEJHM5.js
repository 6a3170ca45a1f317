import{w as o}from"./chunk-ZFPQH4UQ.js";var t=null;function l(n,i){t={app:n,inputs:i},o({at:"form",app:n})}function s(n){let i=t?.app===n?t.inputs:null;return t=null,i}export{l as a,s as b};
